/** The commands that make certificates. */
import type { Command } from 'commander'
import { Option } from 'commander'
import { ROLES } from '../access/roles.ts'
import type { CertFlags, ClientCertFlags, NodeCertFlags } from './cert/cert.ts'
import { optionParser, outputOption } from './client-settings.ts'
import type { Guard } from './stopped-node-commands.ts'
import type { Terminal } from './terminal.ts'
import { parseCount } from './text-values.ts'

export function addCertCommands(program: Command, terminal: Terminal, guard: Guard): void {
  const cert = program.command('cert').description('make an authority, and certificates of nodes and clients')
  const add = (name: string, description: string, days: number): Command =>
    cert
      .command(name)
      .description(description)
      .option('--dir <path>', 'directory of the certificates', 'certs')
      .addOption(
        new Option('--days <count>', 'how long it is valid')
          .argParser(optionParser((text) => parseCount(text, 1)))
          .default(days),
      )
      .addOption(outputOption())
  const run = <Flags extends CertFlags>(
    command: Command,
    work: (cert: typeof import('./cert/cert.ts'), flags: Flags) => Promise<void>,
  ): Promise<void> => {
    const flags = command.opts<Flags>()
    return guard(async () => work(await import('./cert/cert.ts'), flags), { source: 'command', format: flags.output })
  }
  const init = add('init', 'make the authority of a cluster', 3650).requiredOption(
    '--cluster <name>',
    'name of the cluster',
  )
  init.action(() => run<CertFlags & { cluster: string }>(init, ({ certInit }, flags) => certInit(flags, terminal)))
  const node = add('node', 'make the certificates of nodes', 365)
    .argument('<ids...>', 'ids of the nodes')
    .addOption(
      new Option(
        '--host <name>',
        'a name or address at which others reach the nodes; repeat it for more (default: this machine only)',
      ).argParser((name: string, others: readonly string[] = []) => [...others, name]),
    )
  node.action((ids: string[]) => run<NodeCertFlags>(node, ({ certNode }, flags) => certNode(ids, flags, terminal)))
  const client = add('client', 'make the certificate of a client', 365)
    .argument('<name>', 'name of the client, and of its files')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).default('client'))
  client.action((name: string) =>
    run<ClientCertFlags>(client, ({ certClient }, flags) => certClient(name, flags, terminal)),
  )
}
