/** The transport of the example passes the contract. */
import { proxiedTransports, transportContract } from 'quorate/testing'
import { SocketTransport } from '../../examples/bring-your-own/socket-transport.ts'

transportContract({
  ...{ describe, it },
  make: () =>
    proxiedTransports({
      createTransport: (_, limits) => new SocketTransport({ listen: '127.0.0.1:0', retryMs: 20, ...limits }),
    }),
})
