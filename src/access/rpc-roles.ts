/** The role that each call of a node's services needs. */
import type { CallerRole } from './roles.ts'

/** 'peer': a node, which proves in its greeting that it is one. 'anyone': also a caller without a role, but not one without TLS at a port that needs it. */
export type NeededRole = CallerRole | 'peer' | 'anyone'

/** A call of this package that is missing here is refused; a test compares the table with the services. */
export const ROLE_OF_RPC: Readonly<Record<string, NeededRole>> = {
  '/quorate.v1.Peer/Link': 'peer',
  '/quorate.v1.Peer/FetchSnapshot': 'peer',
  '/quorate.v1.Client/Stream': 'client',
  '/quorate.v1.Client/Propose': 'client',
  '/quorate.v1.Client/RegisterSession': 'client',
  '/quorate.v1.Client/Query': 'client',
  '/quorate.v1.Client/Changes': 'client',
  '/quorate.v1.Admin/Status': 'observer',
  '/quorate.v1.Admin/ChangeMembership': 'admin',
  '/quorate.v1.Admin/TransferLeadership': 'admin',
  '/quorate.v1.Admin/TakeSnapshot': 'admin',
  '/quorate.v1.Admin/ReadSnapshot': 'admin',
  '/grpc.health.v1.Health/Check': 'anyone',
  '/grpc.health.v1.Health/Watch': 'anyone',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': 'observer',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': 'observer',
}

/** Undefined if no caller may make the call. A service of an application is for clients. */
export function roleOfRpc(path: string): NeededRole | undefined {
  return ROLE_OF_RPC[path] ?? (path.startsWith('/quorate.') ? undefined : 'client')
}
