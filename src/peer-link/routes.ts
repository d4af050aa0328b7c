/** Routes: where this node connects to a peer instead of the address in the membership, such as a proxy or a tunnel. */
import type { OptionCheck } from '../platform/options.ts'
import { formatValue } from '../platform/options.ts'
import { isAddress } from './listen-address.ts'
import type { PeerConnector } from './peer-call.ts'

/** An object of addresses by id. */
export const checkRoutes: OptionCheck = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `must be an object of addresses by id, not ${formatValue(value)}`
  const wrong = Object.entries(value).find(([, address]) => typeof address !== 'string' || !isAddress(address))
  return wrong === undefined ? undefined : `must have 'host:port' for ${wrong[0]}, not ${formatValue(wrong[1])}`
}

/** Connects to the route, whatever the address of the peer is. */
export function connectorVia(route: string, connector: PeerConnector): PeerConnector {
  return {
    open: (_, signal) => connector.open(route, signal),
    get isConnecting() {
      return connector.isConnecting
    },
    reset: () => connector.reset(),
  }
}
