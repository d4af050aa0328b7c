/** Who leads and who is in, changed while the others work. */
import { isRaftError } from '../../src/errors.ts'
import type { Fault } from './stage.ts'
import { added, dismissed, leaderOf, pauseBetween, some } from './stage.ts'
import { whole } from './whole.ts'

const GUEST = 'guest'

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
    await dismissed(stage, GUEST)
    await cluster.leave(GUEST)
  },
  'remove the leader': async (stage) => {
    const leader = await leaderOf(stage)
    stage.say(`remove ${leader}, which leads`)
    await dismissed(stage, leader)
    stage.say(`add ${leader} again, with an empty directory`)
    await added(stage, leader)
  },
}
