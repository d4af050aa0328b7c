/** How a node says that a call is served at its port for admins, and how a client reads it. */
import { RaftError } from '../../errors.ts'
import { isAddress, isLoopback, parseListenAddress } from '../../peer-link/listen-address.ts'

/** The detail of an error that names the port where the call is served. */
const ADDRESS = 'adminAddress'

/** The error of a call that is served at another port of the node. */
export function servedAtAdminPort(path: string, address: string): RaftError {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return new RaftError(
    'ERR_RAFT_UNAUTHORIZED',
    `${name} is served only at ${address}, the port of this node for admins`,
    {
      hint: `call it there (--endpoints ${address}), from where that port can be reached`,
      details: { [ADDRESS]: address },
    },
  )
}

/** Where a client that was refused at an address should call instead: undefined unless the error says, and it means the same node to the client. */
export function adminAddressIn(error: RaftError, calledAt: string): string | undefined {
  const address = error.code === 'ERR_RAFT_UNAUTHORIZED' ? error.details[ADDRESS] : undefined
  if (typeof address !== 'string' || address === calledAt || !isAddress(address)) return undefined
  return isOfThisMachine(address) && !isOfThisMachine(calledAt) ? undefined : address
}

function isOfThisMachine(address: string): boolean {
  return isLoopback(parseListenAddress(address))
}
