/** The service a node shows to operators: status, membership, leadership, snapshots. */
import type { NodeService } from '../contracts/node-service.ts'
import type { WireChange } from './admin-messages.ts'
import { changeFromWire, refuseBadId, wireStatusOf } from './admin-messages.ts'
import { adminDefinition } from './service-definitions.ts'
import type { ServiceLimits } from './service-limits.ts'
import { SERVICE_LIMITS } from './service-limits.ts'
import type { GrpcService } from './service-unary.ts'
import { unary } from './service-unary.ts'

/** Serves `node` to operators; added to a GrpcServer like `clientService`. */
export function adminService(node: NodeService, options: Partial<ServiceLimits> = {}): GrpcService {
  const limits: ServiceLimits = { ...SERVICE_LIMITS, ...options }
  const snapshotLimits = { timeoutMs: limits.snapshotTimeoutMs, timeoutMsMax: limits.snapshotTimeoutMsMax }
  return {
    definition: adminDefinition(),
    implementation: {
      Status: unary(async () => wireStatusOf(await node.status()), limits),
      ChangeMembership: unary(
        (change: WireChange, call) => node.changeMembership(changeFromWire(change), call),
        limits,
      ),
      TransferLeadership: unary(({ to }: { readonly to: string }, call) => {
        if (to !== '') refuseBadId(to)
        return node.transferLeadership({ ...call, to: to === '' ? undefined : to })
      }, limits),
      TakeSnapshot: unary((_: object, call) => node.takeSnapshot(call), snapshotLimits),
    },
    end: () => undefined,
  }
}
