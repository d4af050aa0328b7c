/** Who leads and who is in, changed while the others work. */
import { isRaftError } from '../../src/errors.ts'
import { awaitRecovery } from './await-recovery.ts'
import type { Fault } from './fault-context.ts'
import { addMember, leaderOf, pickNodes, randomPause, removeAndAwaitExit } from './fault-context.ts'

const GUEST = 'guest'

export const MEMBER_FAULTS: Readonly<Record<string, Fault>> = {
  'transfer leadership': async (stage) => {
    for (let rounds = stage.random.between(1, 5); rounds > 0; rounds--) {
      const [to] = pickNodes(stage, 1) as [string]
      const said = await stage.cluster.adminClient.transferLeadership({ to }).catch((error: unknown) => {
        if (isRaftError(error)) return { leader: error.code }
        throw error
      })
      stage.say(`transfer leadership to ${to}: ${said.leader}`)
      await randomPause(stage, 0, 400)
    }
  },
  'add and remove a member': async (stage) => {
    const { cluster, random, say } = stage
    await cluster.addNode(GUEST)
    say(`add ${GUEST}`)
    await addMember(stage, GUEST)
    await awaitRecovery(stage)
    if (random.chance(500)) {
      const leader = await leaderOf(stage)
      say(`kill ${leader}, with ${GUEST} in`)
      await cluster.kill(leader)
      await randomPause(stage, 0, 2000)
      cluster.start(leader)
      await awaitRecovery(stage)
    } else await randomPause(stage, 200, 2000)
    say(`remove ${GUEST}`)
    await removeAndAwaitExit(stage, GUEST)
    await cluster.removeNode(GUEST)
  },
  'remove the leader': async (stage) => {
    const leader = await leaderOf(stage)
    stage.say(`remove ${leader}, which leads`)
    await removeAndAwaitExit(stage, leader)
    stage.say(`add ${leader} again, with an empty directory`)
    await addMember(stage, leader)
  },
}
