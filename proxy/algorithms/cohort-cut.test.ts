import { test } from 'tap'
import { seededRandom } from '../../test/sim/seeded-random.ts'
import { CohortCut, cohortOf, cohorts } from './cohort-cut.ts'

const windowMs = 250

/** Callers ask at random for what can be served a window; whether each was served, by caller. */
function play(windows: number, offered: number, capacity: number, callers: number): Map<string, boolean[]> {
  const random = seededRandom(11)
  const cut = new CohortCut(3)
  const served = new Map<string, boolean[]>()
  let room = 0
  for (let i = 0; i < windows; i++) {
    for (let j = 0; j < offered; j++) {
      const now = i * windowMs + j * windowMs / offered
      const caller = `10.0.${Math.floor(random() * callers / 250)}.${Math.floor(random() * Math.min(callers, 250))}`
      const isCut = cut.isActive && cut.isCut(1, cohortOf(caller, 0), windowMs, now)
      // As the line does it: whoever comes when there is room.
      room = Math.min(5, room + capacity / offered)
      const isIn = !isCut && room >= 1
      if (isIn) {
        room--
        cut.served()
      } else if (!isCut) cut.refused(windowMs, now)
      if (i > windows / 2) served.set(caller, [...served.get(caller) ?? [], isIn])
    }
  }
  return served
}

test('nothing is counted and nobody cut while nobody has to be refused', (t) => {
  const cut = new CohortCut(3)
  for (let i = 0; i < 1_000; i++) cut.served()
  t.equal(cut.isActive, false)
  t.equal(cut.part, 0)
  t.end()
})

test('at three times what can be served, callers get nearly all or nothing', (t) => {
  const ratios = [...play(80, 300, 100, 500).values()].filter((one) => one.length > 10)
    .map((one) => one.filter(Boolean).length / one.length)
  t.ok(ratios.length > 200)
  const sure = ratios.filter((ratio) => ratio === 0 || ratio > 0.7).length
  t.ok(sure > 0.9 * ratios.length, `${sure} of ${ratios.length}`)
  t.ok(ratios.filter((ratio) => ratio > 0.7).length > 0.25 * ratios.length, 'a third of them is served')
  t.end()
})

test('a caller who is everybody is never cut', (t) => {
  const cut = new CohortCut(3)
  let kept = 0
  for (let now = 0; now < 10_000; now++) {
    if (!cut.isActive || !cut.isCut(1, 7, windowMs, now)) kept++
    if (now % 5 === 0) cut.served()
    else cut.refused(windowMs, now)
  }
  t.equal(kept, 10_000)
  t.end()
})

test('the lowest class goes first, and the highest stays while it is little', (t) => {
  const cut = new CohortCut(3)
  const random = seededRandom(5)
  const kept = [0, 0, 0]
  let room = 0
  for (let i = 0; i < 20_000; i++) {
    const level = random() < 0.1 ? 0 : 2
    const isCut = cut.isActive && cut.isCut(level, Math.floor(random() * cohorts), windowMs, i)
    if (!isCut) kept[level] = (kept[level] as number) + 1
    room = Math.min(5, room + 0.2)
    if (isCut) continue
    if (room >= 1) {
      room--
      cut.served()
    } else cut.refused(windowMs, i)
  }
  t.ok((kept[0] as number) > 1_900, `${kept[0]} critical ones`)
  t.ok((kept[2] as number) < 9_000, `${kept[2]} sheddable ones`)
  t.end()
})

test('when there is room again all are let in, and it ends', (t) => {
  const cut = new CohortCut(3)
  const random = seededRandom(5)
  let now = 0
  const run = (until: number, isFull: boolean): void => {
    for (; now < until; now++) {
      if (cut.isActive && cut.isCut(1, Math.floor(random() * cohorts), windowMs, now)) continue
      if (!isFull || random() < 0.3) cut.served()
      else cut.refused(windowMs, now)
    }
  }
  run(5_000, true)
  t.ok(cut.part > 0)
  run(15_000, false)
  t.equal(cut.part, 0)
  t.equal(cut.isActive, false)
  t.end()
})

test('cohorts are even, and others in the next hour', (t) => {
  const counts = new Float64Array(cohorts)
  for (let i = 0; i < 64_000; i++) {
    const cohort = cohortOf(`10.${i >> 14}.${i >> 7 & 127}.${i & 127}`, 3)
    counts[cohort] = (counts[cohort] as number) + 1
  }
  t.ok(Math.min(...counts) > 350 && Math.max(...counts) < 650, `${Math.min(...counts)} to ${Math.max(...counts)}`)
  const same = Array.from({ length: 1_000 }, (_, i) => `c${i}`).filter((c) => cohortOf(c, 1) === cohortOf(c, 2)).length
  t.ok(same < 50)
  t.end()
})
