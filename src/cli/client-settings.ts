/** The flags shared by all commands that call a cluster, with their defaults. */
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import type { ClientTlsFiles } from '../peer-link/client-certificate-files.ts'
import type { SharedSecret } from '../peer-link/secret-tls.ts'
import { parseAddresses, parseDuration, TextValueError } from './text-values.ts'
import type { TlsFlags } from './tls-files.ts'
import { clientTls, tlsOptions } from './tls-files.ts'
import { readToken } from './token-files.ts'

export type OutputFormat = 'text' | 'json'

export interface ClientSettings {
  readonly endpoints: readonly string[]
  readonly timeoutMs: number
  /** True if --timeout was given: then it also limits slow operations such as a snapshot. */
  readonly isTimeoutGiven: boolean
  readonly format: OutputFormat
  readonly isVerbose: boolean
  readonly tls: ClientTlsFiles | SharedSecret | undefined
  readonly token: string | undefined
}

interface ClientFlags extends TlsFlags {
  readonly endpoints: readonly string[]
  readonly timeout: number
  readonly output: OutputFormat
  readonly verbose?: boolean
  readonly token?: string
}

const ENDPOINTS_DEFAULT = '127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003'

export function withClientOptions(command: Command): Command {
  for (const option of tlsOptions('this client, if the nodes ask for one')) command.addOption(option)
  return command
    .addOption(tokenOption())
    .addOption(
      new Option('-e, --endpoints <addresses>', 'addresses of some nodes, separated by commas: host:port,…')
        .env('QUORATE_ENDPOINTS')
        .argParser(optionParser(parseAddresses))
        .default(parseAddresses(ENDPOINTS_DEFAULT), ENDPOINTS_DEFAULT),
    )
    .addOption(
      new Option('-t, --timeout <duration>', 'timeout of the command')
        .argParser(optionParser(parseDuration))
        .default(5000, '5s'),
    )
    .addOption(outputOption())
    .option('-v, --verbose', 'print the node, index and term of the result on standard error')
}

export function tokenOption(): Option {
  return new Option('--token <file>', 'file with the bearer token of this client').env('QUORATE_TOKEN_FILE')
}

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text')
}

export function clientSettings(command: Command): ClientSettings {
  const { endpoints, timeout, output, verbose, token, ...tlsFlags } = command.opts<ClientFlags>()
  const isTimeoutGiven = command.getOptionValueSource('timeout') !== 'default'
  return {
    endpoints,
    timeoutMs: timeout,
    isTimeoutGiven,
    format: output,
    isVerbose: verbose === true,
    tls: clientTls(tlsFlags),
    token: readToken(token),
  }
}

/** Turns a parser of text values into a parser of flags, whose errors are usage errors. */
export function optionParser<Value>(parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text)
    } catch (error) {
      if (error instanceof TextValueError) throw new InvalidArgumentError(`${error.message}.`)
      throw error
    }
  }
}
