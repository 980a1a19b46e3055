// The pictures are well-formed XML, hold what they were given, and survive odd input.
import { test } from 'tap'
import { niceAxis, tickLabel, timeAxis } from './axis.ts'
import { renderSheet } from './svg.ts'
import type { Panel } from './svg.ts'

const spread = { median: 2, min: 1, max: 4 }
const panels: readonly Panel[] = [
  { kind: 'dots', title: 'CPU', valueLabel: 'µs', rows: [{ name: 'seawall', spread }, { name: 'a<b>&"c"', spread }] },
  { kind: 'dots', title: 'Memory', valueLabel: 'MiB', rows: [{ name: 'haproxy', spread }] },
  { kind: 'dots', title: 'Nothing', valueLabel: '', rows: [] },
  {
    kind: 'lines', title: 'Course', xLabel: 'seconds', yLabel: 'MiB',
    series: [{ name: 'one', points: [[0, 1], [1, 3.5], [2, 2]] }, { name: 'empty', points: [] }],
  },
]

test('a sheet is well-formed and draws every arm and series', async (t) => {
  const svg = renderSheet({ title: 'T & <t>', subtitle: 's', panels, notes: ['n'.repeat(300), 'a word '.repeat(60)] })
  t.equal(faultIn(svg), undefined)
  t.equal(svg.match(/<circle /g)?.length, 3)
  t.equal(svg.match(/<polyline /g)?.length, 2)
  t.notMatch(svg, /NaN|Infinity|undefined/)
  t.match(svg, 'a&#60;b&#62;&#38;&#34;c&#34;')
})

test('labels below a row of dots do not touch', async (t) => {
  for (const max of [3284, 99_000, 0.004, 1]) {
    const rows = [{ name: 'seawall, charge.json as it is', spread: { median: 1, min: 0, max } }]
    const panel: Panel = { kind: 'dots', title: '', valueLabel: '', rows }
    const svg = renderSheet({ title: '', subtitle: '', notes: [], panels: [panel, { ...panel, rows: [] }] })
    const labels = [...svg.matchAll(/<text x="([\d.]+)" y="[\d.]+" text-anchor="middle" font-size="12">([^<]+)</g)]
      .map(([, x, label = '']) => ({ x: Number(x), half: label.length * 7.5 / 2 }))
    t.ok(labels.length >= 4, `${max}`)
    for (const [index, { x, half }] of labels.entries()) {
      const next = labels[index + 1]
      if (next !== undefined && next.x > x) t.ok(x + half < next.x - next.half, `${max}: label ${index}`)
    }
  }
})

test('the checker of this test finds faults', async (t) => {
  const faulty = ['<svg>', '<a></b>', '<a x=1/>', '<a>&</a>', '<a>x < y</a>', '<a/><b/>', 'text']
  for (const bad of faulty) t.ok(faultIn(bad), bad)
})

test('an axis covers its values with round steps and holds zero', async (t) => {
  t.same(niceAxis([3, 97], 5).ticks, [0, 20, 40, 60, 80, 100])
  t.same(niceAxis([-3, 4], 4).ticks, [-4, -2, 0, 2, 4])
  for (const values of [[], [0], [1e-4, 7e-4], [5e6], [-2, -1], [NaN, 3]]) {
    const axis = niceAxis(values, 5)
    t.ok(axis.from < axis.to && axis.ticks.length >= 2 && axis.ticks.length <= 12, values.join(' '))
    t.ok(values.every((value) => Number.isNaN(value) || value >= axis.from && value <= axis.to), values.join(' '))
  }
  t.equal(tickLabel(0.3, niceAxis([0, 0.5], 5)), '0.3')
  t.equal(tickLabel(20000, niceAxis([0, 60000], 3)), '20,000')
})

test('an axis of time ends with its values', async (t) => {
  const { to, ticks } = timeAxis([0, 5.01], 8)
  t.equal(to, 5.01)
  t.same(ticks, [0, 1, 2, 3, 4, 5])
})

/** The first fault of a document, checked against the part of XML that an SVG without entities and comments uses. */
function faultIn(xml: string): string | undefined {
  const open: string[] = []
  let roots = 0
  const token = /<(\/?)([a-z]+)((?:\s+[a-zA-Z][a-zA-Z0-9-]*="[^"<&]*")*)\s*(\/?)>|((?:[^<>&]|&#\d+;)+)/y
  while (token.lastIndex < xml.length) {
    const at = token.lastIndex
    const match = token.exec(xml)
    if (match === null) return `fault at ${at}: ${xml.slice(at, at + 60)}`
    const [, closing, name = '', , empty, content] = match
    if (content !== undefined) {
      if (open.length === 0 && content.trim() !== '') return `text outside the root: ${content}`
    } else if (closing === '/') {
      if (open.pop() !== name) return `</${name}> closes nothing`
    } else {
      if (open.length === 0) roots++
      if (empty !== '/') open.push(name)
    }
  }
  if (open.length > 0) return `<${open.at(-1)}> is never closed`
  return roots === 1 ? undefined : `${roots} roots`
}
