/** Checks random histories with crashes and restarts: every urgent write survives, and so does a prefix of the later ones. */
import assert from 'node:assert/strict'
import type { EncodedBlock } from '../../../contracts/encoded-block.ts'
import type { Storage, StorageWrite } from '../../../contracts/storage.ts'
import type { SnapshotInfo } from '../../../core/types.ts'
import { SeededRandom } from '../../simulation/seeded-random.ts'
import { crash, crashWithin } from './capabilities.ts'
import { ReferenceStorage } from './reference-storage.ts'
import type { StorageFixture, StorageTest } from './samples.ts'
import { commandBlock, comparableBlocks, IDENTITY, readSnapshot, snapshotInfoAt, writeOf } from './samples.ts'

/** The default number of random histories in a suite. */
export const HISTORIES_DEFAULT: number = 4

const STEPS = 40

/** Few calls of a storage have more crash points. */
const CRASH_POINTS = 12

/** With `crashesWithinCalls`, some crashes happen within a write. */
export function randomCrashes(
  test: StorageTest,
  { histories, crashesWithinCalls }: { readonly histories: number; readonly crashesWithinCalls: boolean },
): void {
  test('keeps every urgent write and a prefix of the later ones, in random histories', async (_, another) => {
    for (let seed = 1; seed <= histories; seed++) {
      const history = new RandomHistory(await another(), new SeededRandom(seed), crashesWithinCalls)
      try {
        await history.run()
      } catch (cause) {
        const steps = history.steps.map((line, step) => `  ${step + 1}. ${line}`).join('\n')
        const what = cause instanceof Error ? cause.message : String(cause)
        throw new assert.AssertionError({ message: `${what}\nhistory ${seed}:\n${steps}`, operator: 'fail' })
      }
    }
  })
}

class RandomHistory {
  /** A description of each step so far. */
  readonly steps: string[] = []
  readonly #fixture: StorageFixture
  readonly #random: SeededRandom
  readonly #reference = new ReferenceStorage()
  readonly #crashesWithin: boolean
  #storage: Storage

  constructor(fixture: StorageFixture, random: SeededRandom, crashesWithin: boolean) {
    this.#fixture = fixture
    this.#random = random
    this.#crashesWithin = crashesWithin
    this.#storage = fixture.createStorage()
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

  /** Appends blocks, in a new term or in the current one. A write in the current term may be non-urgent. */
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

  /** Replaces an uncommitted suffix with the entries of another leader. */
  async #replace(): Promise<void> {
    const { blocks, snapshot, hardState } = this.#reference.current
    const committed = Math.max(hardState.commitIndex, snapshot?.index ?? 0)
    const open = blocks.filter(({ first }) => first > committed)
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
    return this.#write(`vote for ${votedFor ?? 'none'} in term ${hardState.term}`, { hardState })
  }

  async #commit(): Promise<void> {
    const { hardState } = this.#reference.current
    const commitIndex = this.#random.between(hardState.commitIndex, this.#reference.last.index + 1)
    if (commitIndex <= hardState.commitIndex) return
    await this.#write(`commit up to ${commitIndex}`, { hardState: { ...hardState, commitIndex }, isUrgent: false })
  }

  /** Records a snapshot of a committed index, and compacts the log up to it. */
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

  /** Replaces the log with a snapshot from another node. */
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

  /** Returns whether the write completed, which is false only after a crash within it. */
  async #write(description: string, write: Partial<StorageWrite>): Promise<boolean> {
    const whole = writeOf(write)
    const blocks = whole.blocks.map(({ first, count }) => `${first}–${first + count - 1}`).join(' ')
    this.steps.push(`${description}${blocks === '' ? '' : `: ${blocks}`}${whole.isUrgent ? '' : ' (not urgent)'}`)
    if (this.#crashesWithin && this.#random.chance(150)) return this.#writeWithCrash(whole)
    await this.#storage.write(whole)
    this.#reference.recordWrite(whole)
    return true
  }

  /** Writes with a crash within the call, unless the call ends first. */
  async #writeWithCrash(write: StorageWrite): Promise<boolean> {
    const crashPoint = this.#random.below(CRASH_POINTS)
    const hasCrashed = await crashWithin(this.#fixture, () => this.#storage.write(write), crashPoint)
    if (!hasCrashed) {
      this.#reference.recordWrite(write)
      return true
    }
    this.steps.push(`a crash within this write, at crash point ${crashPoint}`)
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
    await crash(this.#fixture)
    await this.#open()
  }

  async #restart(): Promise<void> {
    this.steps.push('close and reopen')
    await this.#storage.close()
    this.#reference.recordClose()
    await this.#open()
  }

  /** Opens the storage, and compares all of it with the expected state. */
  async #open(): Promise<void> {
    this.#storage = this.#fixture.createStorage()
    this.#reference.assertRecovered(await this.#storage.open(IDENTITY))
    const { blocks, snapshot } = this.#reference.current
    const [first] = blocks
    const read = first === undefined ? [] : await this.#storage.read(first.first, Number.MAX_SAFE_INTEGER)
    assert.deepEqual(comparableBlocks(read), comparableBlocks(blocks), 'the blocks read differ from those written')
    if (snapshot === undefined) return
    const content = await readSnapshot(this.#storage, snapshot.id, 0)
    assert.ok(
      content.equals(snapshotContentAt(snapshot.index)),
      `the file of the snapshot at ${snapshot.index} has a different content`,
    )
  }
}

function snapshotContentAt(index: number): Buffer {
  return Buffer.from(`all up to ${index}`.repeat(100))
}
