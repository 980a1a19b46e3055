// Draws the pictures of the experiments as SVG text: a sheet 900 pixels wide with panels of lines over a shared x, or
// of dots with their ranges. An own writer, because the pictures are few, plain, and must not need a browser. No
// styling beyond what makes them readable on a light page.
import { niceAxis, tickLabel, timeAxis } from './axis.ts'
import type { Axis } from './axis.ts'
import type { Spread } from './statistics.ts'
import { short } from './table.ts'

export interface LinePanel {
  readonly kind: 'lines'
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly LineSeries[]
}

export interface LineSeries {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
  /** Its place in the palette; its place in the panel when left out. Keeps a name's colour over several panels. */
  readonly colour?: number
}

/** One row an arm: a dot at the median, a bar from the lowest to the highest round. */
export interface DotPanel {
  readonly kind: 'dots'
  readonly title: string
  readonly valueLabel: string
  readonly rows: readonly { readonly name: string, readonly spread: Spread }[]
}

export type Panel = LinePanel | DotPanel

export interface Sheet {
  readonly title: string
  /** One sentence under the title. */
  readonly subtitle: string
  readonly panels: readonly Panel[]
  /** Small print below the panels: what was measured, and how. */
  readonly notes: readonly string[]
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const sheetWidth = 900
const margin = 20
const gutter = 20
const lineHeight = 340
const rowHeight = 26
/** Okabe and Ito's palette: told apart by all common kinds of colour vision. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#555555']

export function renderSheet({ title, subtitle, panels, notes }: Sheet): string {
  const parts = [
    text(margin, 34, title, 'font-size="19" font-weight="600"'),
    text(margin, 55, subtitle, 'fill="#555555"'),
  ]
  let y = 72
  for (const row of rowsOf(panels)) {
    const width = row.length === 1 && row[0]?.kind === 'lines'
      ? sheetWidth - 2 * margin
      : (sheetWidth - 2 * margin - gutter) / 2
    const height = Math.max(...row.map(heightOf))
    for (const [column, panel] of row.entries()) {
      parts.push(renderPanel(panel, { x: margin + column * (width + gutter), y, width, height: heightOf(panel) }))
    }
    y += height + 16
  }
  for (const note of notes.flatMap((one) => wrapped(one, 140))) {
    parts.push(text(margin, y + 8, note, 'font-size="12" fill="#555555"'))
    y += 17
  }
  const height = y + 14
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${sheetWidth}" height="${height}" ` +
    `viewBox="0 0 ${sheetWidth} ${height}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="13" ` +
    `fill="#222222">\n<rect width="100%" height="100%" fill="#fcfcfb"/>\n${parts.join('\n')}\n</svg>\n`
}

// Lines take the whole width, dots share a row in pairs.
function rowsOf(panels: readonly Panel[]): readonly (readonly Panel[])[] {
  const rows: Panel[][] = []
  for (const panel of panels) {
    const last = rows.at(-1)
    if (panel.kind === 'dots' && last?.length === 1 && last[0]?.kind === 'dots') last.push(panel)
    else rows.push([panel])
  }
  return rows
}

function heightOf(panel: Panel): number {
  return panel.kind === 'lines' ? lineHeight : 84 + panel.rows.length * rowHeight
}

function renderPanel(panel: Panel, box: Box): string {
  const heading = text(box.x, box.y + 16, panel.title, 'font-size="14" font-weight="600"')
  return `${heading}\n${panel.kind === 'lines' ? renderLines(panel, box) : renderDots(panel, box)}`
}

function renderLines(panel: LinePanel, box: Box): string {
  const plot = { x: box.x + 62, y: box.y + 54, width: box.width - 76, height: box.height - 104 }
  const xAxis = timeAxis(panel.series.flatMap((one) => one.points.map(([x]) => x)), 8)
  const yAxis = niceAxis(panel.series.flatMap((one) => one.points.map(([, y]) => y)), 5)
  const atX = scale(xAxis, plot.x, plot.x + plot.width)
  const atY = scale(yAxis, plot.y + plot.height, plot.y)
  const parts = [
    ...yAxis.ticks.map((tick) => rule(plot.x, atY(tick), plot.x + plot.width, atY(tick)) +
      text(plot.x - 8, atY(tick) + 4, tickLabel(tick, yAxis), 'text-anchor="end"')),
    ...xAxis.ticks.map((tick) => rule(atX(tick), plot.y + plot.height, atX(tick), plot.y + plot.height + 5) +
      text(atX(tick), plot.y + plot.height + 20, tickLabel(tick, xAxis), 'text-anchor="middle"')),
    text(plot.x + plot.width / 2, plot.y + plot.height + 42, panel.xLabel, 'text-anchor="middle" fill="#555555"'),
    text(box.x, plot.y - 16, panel.yLabel, 'fill="#555555"'),
  ]
  let legendX = plot.x + plot.width
  for (const [index, { name, points, colour: place }] of [...panel.series.entries()].toReversed()) {
    const colour = colourOf(place ?? index)
    const path = points.map(([x, y]) => `${round(atX(x))},${round(atY(y))}`).join(' ')
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.8" stroke-linejoin="round"/>`)
    legendX -= name.length * 7.5 + 34
    parts.push(`<rect x="${round(legendX)}" y="${plot.y - 25}" width="16" height="4" fill="${colour}"/>`)
    parts.push(text(legendX + 21, plot.y - 18, name))
  }
  return parts.join('\n')
}

function renderDots(panel: DotPanel, box: Box): string {
  const nameWidth = Math.max(88, ...panel.rows.map(({ name }) => name.length * 7 + 12))
  const plot = {
    x: box.x + nameWidth, y: box.y + 30, width: box.width - 72 - nameWidth, height: panel.rows.length * rowHeight,
  }
  const axis = axisWithin(panel.rows.flatMap(({ spread }) => [spread.min, spread.max]), plot.width)
  const at = scale(axis, plot.x, plot.x + plot.width)
  const bottom = plot.y + plot.height
  const parts = axis.ticks.map((tick) => rule(at(tick), plot.y, at(tick), bottom) +
    text(at(tick), bottom + 16, tickLabel(tick, axis), 'text-anchor="middle" font-size="12"'))
  parts.push(text(plot.x + plot.width / 2, bottom + 36, panel.valueLabel, 'text-anchor="middle" fill="#555555"'))
  for (const [index, { name, spread }] of panel.rows.entries()) {
    const y = plot.y + (index + 0.5) * rowHeight
    const colour = name === 'seawall' ? colourOf(1) : colourOf(0)
    const bar = `x1="${round(at(spread.min))}" y1="${y}" x2="${round(at(spread.max))}" y2="${y}"`
    parts.push(
      text(plot.x - 10, y + 4, name, 'text-anchor="end"'),
      `<line ${bar} stroke="${colour}" stroke-width="3" stroke-opacity="0.4" stroke-linecap="round"/>`,
      `<circle cx="${round(at(spread.median))}" cy="${y}" r="5" fill="${colour}"/>`,
      text(plot.x + plot.width + 12, y + 4, short(spread.median)),
    )
  }
  return parts.join('\n')
}

/** The finest axis of at most four steps whose labels do not touch. */
function axisWithin(values: readonly number[], width: number): Axis {
  for (let wanted = 4; wanted > 1; wanted--) {
    const axis = niceAxis(values, wanted)
    const longest = Math.max(...axis.ticks.map((tick) => tickLabel(tick, axis).length))
    if (longest * 7.5 + 6 <= width / (axis.ticks.length - 1)) return axis
  }
  return niceAxis(values, 1)
}

function scale(axis: Axis, from: number, to: number): (value: number) => number {
  return (value) => from + (value - axis.from) / (axis.to - axis.from) * (to - from)
}

function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="#dddddd"/>`
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped(content)}</text>`
}

function colourOf(index: number): string {
  return colours[index % colours.length] ?? '#000000'
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(content: string): string {
  return content.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

function wrapped(content: string, columns: number): readonly string[] {
  const lines = ['']
  for (const word of content.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last.length + word.length >= columns) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines
}
