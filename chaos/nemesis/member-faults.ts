/** Changes of the leader and of the membership under load. */
import { isRaftError } from '../../src/errors.ts'
import { awaitRecovery } from './await-recovery.ts'
import type { Fault } from './fault-context.ts'
import { addMember, leaderOf, pickNodes, randomPause, removeAndAwaitExit } from './fault-context.ts'

const GUEST = 'guest'

export const MEMBER_FAULTS: Readonly<Record<string, Fault>> = {
  'transfer leadership': async (context) => {
    for (let rounds = context.random.between(1, 5); rounds > 0; rounds--) {
      const [to] = pickNodes(context, 1) as [string]
      const result = await context.cluster.adminClient.transferLeadership({ to }).catch((error: unknown) => {
        if (isRaftError(error)) return { leader: error.code }
        throw error
      })
      context.log(`transfer leadership to ${to}: ${result.leader}`)
      await randomPause(context, 0, 400)
    }
  },
  'add and remove a member': async (context) => {
    const { cluster, random, log } = context
    await cluster.addNode(GUEST)
    log(`add ${GUEST}`)
    await addMember(context, GUEST)
    await awaitRecovery(context)
    if (random.chance(500)) {
      const leader = await leaderOf(context)
      log(`kill ${leader} while ${GUEST} is a member`)
      await cluster.kill(leader)
      await randomPause(context, 0, 2000)
      cluster.start(leader)
      await awaitRecovery(context)
    } else await randomPause(context, 200, 2000)
    log(`remove ${GUEST}`)
    await removeAndAwaitExit(context, GUEST)
    await cluster.removeNode(GUEST)
  },
  'remove the leader': async (context) => {
    const leader = await leaderOf(context)
    context.log(`remove the leader ${leader}`)
    await removeAndAwaitExit(context, leader)
    context.log(`add ${leader} again with an empty directory`)
    await addMember(context, leader)
  },
}
