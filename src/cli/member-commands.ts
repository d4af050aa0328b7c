/** The tree of the commands `member …`. */
import type { Command } from 'commander'
import { Option } from 'commander'
import { clientSettings, optionParser } from './client-settings.ts'
import type { AddFlags, ChangeFlags, ChangingFlags, ReplaceFlags } from './commands/members.ts'
import type { Terminal } from './terminal.ts'
import { parseAddress, parseCount, parseDuration, parseIds, parsePeers } from './text-values.ts'

/** The body of a command; its flags are `command.opts()`, `args` its arguments. */
export type Action = (command: Command, ...args: readonly string[]) => Promise<unknown>

/** Adds a command that calls a cluster, with the flags of all such commands. */
export type AddClusterCommand = (name: string, description: string, action: Action, parent?: Command) => Command

export function addMemberCommands(member: Command, addClusterCommand: AddClusterCommand, terminal: Terminal): void {
  const load = () => import('./commands/members.ts')
  const contextOf = (command: Command) => ({ settings: clientSettings(command), terminal })
  const address = () =>
    member.createArgument('<address>', 'its address: host:port').argParser(optionParser(parseAddress))
  const changing = (command: Command): Command =>
    command
      .addOption(new Option('-y, --yes', 'skip the confirmation'))
      .addOption(
        new Option('--if-index <index>', 'only if the membership is that of this index (member list)').argParser(
          optionParser((text) => parseCount(text, 0)),
        ),
      )
  const ids = (flag: string, description: string) =>
    new Option(`${flag} <ids>`, description).argParser(optionParser(parseIds))
  addClusterCommand(
    'list',
    'list the members',
    async (command) => (await load()).memberList(contextOf(command)),
    member,
  )
  const add = addClusterCommand(
    'add',
    'add a node, which becomes a voter once it has caught up',
    async (command, id = '', at = '') => (await load()).memberAdd(contextOf(command), id, at, command.opts<AddFlags>()),
    member,
  )
  changing(add)
    .argument('<id>', 'id of the new node, such as n4')
    .addArgument(address())
    .option('--learner', 'let it stay a learner')
    .addOption(
      new Option('--wait <duration>', 'show its progress, and wait until it has caught up').argParser(
        optionParser(parseDuration),
      ),
    )
  const replace = addClusterCommand(
    'replace',
    'add a node, and remove another one once the new one has caught up',
    async (command, oldId = '', newId = '', at = '') =>
      (await load()).memberReplace(contextOf(command), { oldId, newId, address: at }, command.opts<ReplaceFlags>()),
    member,
  )
  changing(replace)
    .argument('<old>', 'id of the voter to remove')
    .argument('<new>', 'id of the new node')
    .addArgument(address())
    .addOption(
      new Option('--wait <duration>', 'the longest wait until it has caught up')
        .argParser(optionParser(parseDuration))
        .default(3_600_000, '60m'),
    )
  const update = addClusterCommand(
    'update',
    'record a new address of a member',
    async (command, id = '', at = '') =>
      (await load()).memberUpdate(contextOf(command), id, at, command.opts<ChangingFlags>()),
    member,
  )
  changing(update).argument('<id>').addArgument(address())
  const promote = addClusterCommand(
    'promote',
    'make a learner a voter',
    async (command, id = '') => (await load()).memberPromote(contextOf(command), id, command.opts<ChangingFlags>()),
    member,
  )
  changing(promote).argument('<id>')
  const demote = addClusterCommand(
    'demote',
    'make a voter a learner',
    async (command, id = '') => (await load()).memberDemote(contextOf(command), id, command.opts<ChangingFlags>()),
    member,
  )
  changing(demote).argument('<id>')
  const remove = addClusterCommand(
    'remove',
    'remove a member',
    async (command, id = '') => (await load()).memberRemove(contextOf(command), id, command.opts<ChangingFlags>()),
    member,
  )
  changing(remove).argument('<id>')
  const change = addClusterCommand(
    'change',
    'make several changes that take effect together',
    async (command) => (await load()).memberChange(contextOf(command), command.opts<ChangeFlags>()),
    member,
  )
  changing(change)
    .addOption(new Option('--add <members>', 'nodes to add: n4=host:port,…').argParser(optionParser(parsePeers)))
    .addOption(ids('--learner', 'those of --add that stay learners'))
    .addOption(ids('--promote', 'learners to make voters'))
    .addOption(ids('--demote', 'voters to make learners'))
    .addOption(ids('--remove', 'members to remove'))
}
