/** The admin service of a node: status, membership changes, leadership transfer, snapshots. */
import type { NodeService } from '../../contracts/node-service.ts'
import type { WireChange } from '../shared/admin-messages.ts'
import { assertNodeId, changeFromWire, wireStatusOf } from '../shared/admin-messages.ts'
import { adminDefinition } from '../shared/service-definitions.ts'
import type { ServiceLimits } from '../shared/service-limits.ts'
import { SERVICE_LIMITS } from '../shared/service-limits.ts'
import type { GrpcService } from './unary-handler.ts'
import { unaryHandler } from './unary-handler.ts'

/** Serves `node` to operators (proto/quorate/v1/admin.proto). Add it to a GrpcServer in the same way as `clientService`. */
export function adminService(node: NodeService, options: Partial<ServiceLimits> = {}): GrpcService {
  const limits: ServiceLimits = { ...SERVICE_LIMITS, ...options }
  const snapshotLimits = { timeoutMs: limits.snapshotTimeoutMs, timeoutMsMax: limits.snapshotTimeoutMsMax }
  return {
    definition: adminDefinition(),
    implementation: {
      Status: unaryHandler(async () => wireStatusOf(await node.status()), limits),
      ChangeMembership: unaryHandler(
        (change: WireChange, call) => node.changeMembership(changeFromWire(change), call),
        limits,
      ),
      TransferLeadership: unaryHandler(({ to, force }: { readonly to: string; readonly force: boolean }, call) => {
        if (to !== '') assertNodeId(to)
        return node.transferLeadership({ ...call, to: to === '' ? undefined : to, force })
      }, limits),
      TakeSnapshot: unaryHandler(
        ({ linearizable }: { readonly linearizable: boolean }, call) => node.takeSnapshot({ ...call, linearizable }),
        snapshotLimits,
      ),
      ReadSnapshot: unaryHandler(async ({ id, offset }: { readonly id: string; readonly offset: number }, call) => {
        return { data: await node.readSnapshot(id, offset, call) }
      }, limits),
    },
    end: () => undefined,
  }
}
