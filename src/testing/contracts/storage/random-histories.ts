/** Histories drawn by chance, with a crash or a restart after many steps: what was acknowledged is there, and of the rest a beginning. */
import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../../contracts/encoded-block.ts'
import type { Storage, StorageWrite } from '../../../contracts/storage.ts'
import type { SnapshotInfo } from '../../../core/types.ts'
import { SeededRandom } from '../../simulation/seeded-random.ts'
import { crash, crashWithin } from './capabilities.ts'
import { ReferenceStorage } from './reference-storage.ts'
import type { StorageFixture, StorageTest } from './samples.ts'
import { commandBlock, comparableBlocks, IDENTITY, readSnapshot, snapshotInfoAt, writeOf } from './samples.ts'

/** How many histories a suite draws unless it is told otherwise. */
export const HISTORIES_DEFAULT: number = 4

const STEPS = 40

/** A call of a storage rarely has more moments to cut the power at. */
const CRASH_POINTS = 12

/** With `within`, some of the crashes come within a write. */
export function randomCrashes(
  test: StorageTest,
  { histories, within }: { readonly histories: number; readonly within: boolean },
): void {
  test('leaves all that was acknowledged, and of the rest a beginning, whatever came before', async (_, another) => {
    for (let seed = 1; seed <= histories; seed++) {
      const history = new RandomHistory(await another(), new SeededRandom(seed), within)
      try {
        await history.run()
      } catch (cause) {
        const story = history.steps.map((line, step) => `  ${step + 1}. ${line}`).join('\n')
        const what = cause instanceof Error ? cause.message : String(cause)
        throw new assert.AssertionError({ message: `${what}\nhistory ${seed}:\n${story}`, operator: 'fail' })
      }
    }
  })
}

class RandomHistory {
  /** What was done so far, a line for each step. */
  readonly steps: string[] = []
  readonly #place: StorageFixture
  readonly #random: SeededRandom
  readonly #reference = new ReferenceStorage()
  readonly #crashesWithin: boolean
  #storage: Storage

  constructor(place: StorageFixture, random: SeededRandom, crashesWithin: boolean) {
    this.#place = place
    this.#random = random
    this.#crashesWithin = crashesWithin
    this.#storage = place.createStorage()
  }

  async run(): Promise<void> {
    await this.#open()
    for (let step = 0; step < STEPS; step++) {
      await this.#step()
      if (this.#random.chance(300)) await this.#crash()
      else if (this.#random.chance(100)) await this.#restart()
    }
  }

  #step(): Promise<unknown> {
    const steps = [
      this.#append,
      this.#append,
      this.#append,
      this.#replace,
      this.#vote,
      this.#commit,
      this.#commit,
      this.#compact,
      this.#reset,
    ]
    return (steps[this.#random.below(steps.length)] as () => Promise<unknown>).call(this)
  }

  /** Some blocks, perhaps in a new term; if not, they may be in no hurry. */
  #append(): Promise<boolean> {
    const isNewTerm = this.#random.chance(300)
    const isUrgent = isNewTerm || this.#random.chance(500)
    const term = Math.max(1, this.#reference.current.hardState.term, this.#reference.last.term) + (isNewTerm ? 1 : 0)
    const isRecorded = isNewTerm || this.#reference.current.hardState.term < term
    return this.#write(`append in term ${term}`, {
      blocks: this.#blocksFrom(this.#reference.last.index + 1, term),
      hardState: isRecorded ? { ...this.#reference.current.hardState, term, votedFor: undefined } : undefined,
      isUrgent: isUrgent || isRecorded,
    })
  }

  /** A suffix that nobody committed gives way to another leader's. */
  async #replace(): Promise<void> {
    const { blocks, snapshot, hardState } = this.#reference.current
    const settled = Math.max(hardState.commitIndex, snapshot?.index ?? 0)
    const open = blocks.filter(({ first }) => first > settled)
    const from = open[this.#random.below(open.length)]?.first
    if (from === undefined) return
    const term = Math.max(hardState.term, this.#reference.last.term) + 1
    await this.#write(`truncate after ${from - 1}, and append in term ${term}`, {
      truncateAfter: from - 1,
      blocks: this.#random.chance(700) ? this.#blocksFrom(from, term) : [],
      hardState: { ...hardState, term, votedFor: undefined },
    })
  }

  #vote(): Promise<boolean> {
    const votedFor = ['a', 'b', undefined][this.#random.below(3)]
    const hardState = {
      ...this.#reference.current.hardState,
      term: this.#reference.current.hardState.term + 1,
      votedFor,
    }
    return this.#write(`vote for ${votedFor ?? 'nobody'} in term ${hardState.term}`, { hardState })
  }

  async #commit(): Promise<void> {
    const { hardState } = this.#reference.current
    const commitIndex = this.#random.between(hardState.commitIndex, this.#reference.last.index + 1)
    if (commitIndex <= hardState.commitIndex) return
    await this.#write(`commit up to ${commitIndex}`, { hardState: { ...hardState, commitIndex }, isUrgent: false })
  }

  /** A snapshot of some of what is committed, and the log without what it covers. */
  async #compact(): Promise<void> {
    const { hardState, snapshot } = this.#reference.current
    const before = snapshot?.index ?? 0
    if (hardState.commitIndex <= before) return
    const index = this.#random.between(before + 1, hardState.commitIndex + 1)
    const info = await this.#saveSnapshot(snapshotInfoAt(index, this.#reference.termAt(index)))
    const isRecorded = await this.#write(`record a snapshot at ${index}`, { snapshot: { info, resetLog: false } })
    const isUrgent = this.#random.chance(500)
    if (isRecorded && this.#random.chance(700)) await this.#write(`compact to ${index}`, { compactTo: index, isUrgent })
  }

  /** A snapshot from elsewhere, in place of the log. */
  async #reset(): Promise<void> {
    if (this.#random.chance(500)) return
    const { hardState } = this.#reference.current
    const term = Math.max(hardState.term, this.#reference.last.term) + 1
    const info = await this.#saveSnapshot(snapshotInfoAt(this.#reference.last.index + this.#random.between(1, 5), term))
    await this.#write(`reset the log to a snapshot at ${info.index}`, {
      snapshot: { info, resetLog: true },
      hardState: { term, votedFor: undefined, commitIndex: info.index },
    })
  }

  /** Whether it came to its end, as nearly all do. */
  async #write(what: string, write: Partial<StorageWrite>): Promise<boolean> {
    const whole = writeOf(write)
    const blocks = whole.blocks.map(({ first, count }) => `${first}–${first + count - 1}`).join(' ')
    this.steps.push(`${what}${blocks === '' ? '' : `: ${blocks}`}${whole.isUrgent ? '' : ' (not urgent)'}`)
    if (this.#crashesWithin && this.#random.chance(150)) return this.#writeWithCrash(whole)
    await this.#storage.write(whole)
    this.#reference.recordWrite(whole)
    return true
  }

  /** Writes, with a crash in the middle of it, unless it ends before. */
  async #writeWithCrash(write: StorageWrite): Promise<boolean> {
    const moment = this.#random.below(CRASH_POINTS)
    const isCut = await crashWithin(this.#place, () => this.#storage.write(write), moment)
    if (!isCut) {
      this.#reference.recordWrite(write)
      return true
    }
    this.steps.push(`a crash within that, at moment ${moment} of it`)
    this.#reference.recordUnfinishedWrite(write)
    await this.#open()
    return false
  }

  async #saveSnapshot(info: SnapshotInfo): Promise<SnapshotInfo> {
    const writer = await this.#storage.snapshots.create(info)
    await writer.write(snapshotContentAt(info.index))
    const size = await writer.finish()
    return { ...info, size }
  }

  #blocksFrom(first: number, term: number): EncodedBlock[] {
    const blocks: EncodedBlock[] = []
    for (let block = this.#random.between(1, 4); block > 0; block--) {
      blocks.push(commandBlock(first, term, this.#random.between(1, 5)))
      first += blocks.at(-1)?.count ?? 0
    }
    return blocks
  }

  async #crash(): Promise<void> {
    this.steps.push('a crash')
    await crash(this.#place)
    await this.#open()
  }

  async #restart(): Promise<void> {
    this.steps.push('close, and open again')
    await this.#storage.close()
    this.#reference.recordClose()
    await this.#open()
  }

  /** Opens what is there, and holds all of it against what should be. */
  async #open(): Promise<void> {
    this.#storage = this.#place.createStorage()
    this.#reference.assertRecovered(await this.#storage.open(IDENTITY))
    const { blocks, snapshot } = this.#reference.current
    const [first] = blocks
    const read = first === undefined ? [] : await this.#storage.read(first.first, Number.MAX_SAFE_INTEGER)
    assert.deepEqual(
      comparableBlocks(read),
      comparableBlocks(blocks),
      'the blocks that are read are not those that were written',
    )
    if (snapshot === undefined) return
    const content = await readSnapshot(this.#storage, snapshot.id, 0)
    assert.ok(
      content.equals(snapshotContentAt(snapshot.index)),
      `the file of the snapshot at ${snapshot.index} is another`,
    )
  }
}

function snapshotContentAt(index: number): Buffer {
  return Buffer.from(`all up to ${index}`.repeat(100))
}
