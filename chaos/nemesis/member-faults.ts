/** Who leads and who is in, changed while the others work. */
import { rmSync } from 'node:fs'
import { isRaftError } from '../../src/errors.ts'
import type { Fault } from './stage.ts'
import { added, endedHow, Finding, leaderOf, pause, pauseBetween, removed, some } from './stage.ts'
import { whole } from './whole.ts'

const GUEST = 'guest'
/** After this long a removed node must have learned of it, and ended. */
const FAREWELL_MS = 20_000
const DO_NOT_RESTART = 78

export const MEMBER_FAULTS: Readonly<Record<string, Fault>> = {
  'transfer leadership': async (stage) => {
    for (let rounds = stage.random.between(1, 5); rounds > 0; rounds--) {
      const [to] = some(stage, 1) as [string]
      const said = await stage.cluster.asking.transferLeadership({ to }).catch((error: unknown) => {
        if (isRaftError(error)) return { leader: error.code }
        throw error
      })
      stage.say(`transfer leadership to ${to}: ${said.leader}`)
      await pauseBetween(stage, 0, 400)
    }
  },
  'add and remove a member': async (stage) => {
    const { cluster, random, say } = stage
    await cluster.place(GUEST)
    say(`add ${GUEST}`)
    await added(stage, GUEST)
    await whole(stage)
    if (random.chance(500)) {
      const leader = await leaderOf(stage)
      say(`kill ${leader}, with ${GUEST} in`)
      await cluster.kill(leader)
      await pauseBetween(stage, 0, 2000)
      cluster.start(leader)
      await whole(stage)
    } else await pauseBetween(stage, 200, 2000)
    say(`remove ${GUEST}`)
    await removed(stage, GUEST)
    await cluster.leave(GUEST)
    const ended = await Promise.race([cluster.ended(GUEST), pause(stage, FAREWELL_MS)])
    if (ended === undefined) throw new Finding(`${GUEST} was removed, and still runs ${FAREWELL_MS} ms later`)
    if (ended.exitCode !== DO_NOT_RESTART) throw new Finding(`after its removal ${endedHow(GUEST, ended)}`)
    rmSync(cluster.directoryOf(GUEST), { recursive: true })
  },
}
