/** The last important steps before the one at which a page opens, as a list of buttons: what a reader should look at first. */
import type { DiagramStep, LaneDiagram, Mark } from './diagram.ts'
import { symbolOf, whenOf } from './svg.ts'
import { escapeText, shortened } from './text.ts'

const STEPS_MAX = 5
const LETTERS_MAX = 70
/** Marks of steps that happen all the time, or that say little without their context. */
const COMMON: ReadonlySet<Mark> = new Set(['commit', 'effect', 'membership'])

/** Empty if nothing important led there. */
export function causesSection(diagram: LaneDiagram): string {
  const { steps, start, hasFailure } = diagram
  const before = steps
    .slice(0, start)
    .flatMap(({ mark }, offset) => (mark === undefined || COMMON.has(mark) ? [] : offset))
  if (!hasFailure || before.length === 0) return ''
  const items = [...before.slice(-STEPS_MAX), start].map((offset) =>
    item(diagram, steps[offset] as DiagramStep, offset),
  )
  return `<section class="causes"><h2>What led to it</h2><ol>${items.join('')}</ol></section>`
}

function item(diagram: LaneDiagram, step: DiagramStep, offset: number): string {
  const { mark = 'failure' } = step
  const symbol = `<svg width="18" height="16" aria-hidden="true"><g class="mark ${mark}"><path d="${symbolOf(mark)}" transform="translate(9 8)"/></g></svg>`
  const cells = [whenOf(diagram, step), diagram.lanes[step.lane]?.name ?? '', wordsOf(diagram, step, mark)]
  const texts = cells.map((cell) => `<span>${escapeText(cell)}</span>`).join('')
  return `<li${mark === 'failure' ? ' class="bad"' : ''}><button type="button" data-go="${offset}">${symbol}${texts}</button></li>`
}

/** The meaning of a mark, in which its label stands for an ellipsis. */
function wordsOf({ legend }: LaneDiagram, { text, markLabel }: DiagramStep, mark: Mark): string {
  const meaning = legend.find(([shape, kind]) => shape === 'mark' && kind === mark)?.[2]
  if (mark === 'failure') return markLabel
  if (mark === 'fault' || meaning === undefined) return shortened(text.replace(/^! /, ''), LETTERS_MAX)
  return meaning.replace('…', markLabel)
}
