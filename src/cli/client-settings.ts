/** The options that every command to a cluster has, and what they mean when left out. */
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import { parseAddresses, parseDuration, TextValueError } from './text-values.ts'

export type OutputFormat = 'text' | 'json'

export interface ClientSettings {
  readonly endpoints: readonly string[]
  readonly timeoutMs: number
  /** Somebody said so: it holds for what takes long, too. */
  readonly isTimeoutGiven: boolean
  readonly format: OutputFormat
  readonly isVerbose: boolean
}

interface ClientFlags {
  readonly endpoints: readonly string[]
  readonly timeout: number
  readonly output: OutputFormat
  readonly verbose?: boolean
}

const ENDPOINTS_DEFAULT = '127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003'

export function withClientOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-e, --endpoints <addresses>', 'some nodes of the cluster, host:port, separated by commas')
        .env('QUORATE_ENDPOINTS')
        .argParser(optionParser(parseAddresses))
        .default(parseAddresses(ENDPOINTS_DEFAULT), ENDPOINTS_DEFAULT),
    )
    .addOption(
      new Option('-t, --timeout <duration>', 'how long to try')
        .argParser(optionParser(parseDuration))
        .default(5000, '5s'),
    )
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'))
    .option('-v, --verbose', 'say where and when it was done, on standard error')
}

export function clientSettings(command: Command): ClientSettings {
  const { endpoints, timeout, output, verbose } = command.opts<ClientFlags>()
  const isTimeoutGiven = command.getOptionValueSource('timeout') !== 'default'
  return { endpoints, timeoutMs: timeout, isTimeoutGiven, format: output, isVerbose: verbose === true }
}

/** A parser of words as an option of the command line: what it refuses is a mistake in the usage. */
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
