/** The command line as a tree of commands; what each does is loaded only when it is called, so that --help answers at once. */
import { Command, CommanderError, Option } from 'commander'
import { clientSettings, optionParser, withClientOptions } from './client-settings.ts'
import { isCommandFailure } from './command-failure.ts'
import type { ReplayFlags } from './commands/replay.ts'
import type { ErrorSource } from './error-text.ts'
import { errorJson, errorText } from './error-text.ts'
import { EXIT, exitCodeOfCommand, exitCodeOfNode } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'
import { parseAddress, parseCount, parseReplayPosition } from './text-values.ts'

/** What a command's action gets: its arguments, its flags, and the command itself. */
type Action = (command: Command, ...words: readonly string[]) => Promise<unknown>

/** Runs one command to its end and returns the exit code; everything it has to say goes to the terminal. */
export async function run(args: readonly string[], terminal: Terminal, version: string): Promise<number> {
  let exitCode: number = EXIT.ok
  const program = buildProgram(terminal, version, async (work, { source, format }) => {
    try {
      const result = await work()
      if (typeof result === 'number') exitCode = result
    } catch (error) {
      const exitCodeOf = source === 'node' ? exitCodeOfNode : exitCodeOfCommand
      exitCode = isCommandFailure(error) ? error.exitCode : exitCodeOf(error)
      terminal.err(format === 'json' ? errorJson(error, exitCode) : errorText(error, source))
    }
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    throw error
  }
}

/** Runs a command's work, and reports how it failed. */
type Guard = (work: () => Promise<unknown>, how: ErrorReporting) => Promise<void>

interface ErrorReporting {
  /** A node that failed, or a command that asked one. */
  readonly source: ErrorSource
  readonly format: 'text' | 'json'
}

function buildProgram(terminal: Terminal, version: string, guard: Guard): Command {
  const program = new Command('quorate')
    .description('A replicated key-value service on Raft: run its nodes, use it, look after it.')
    .version(version)
    .helpCommand(false)
    .showSuggestionAfterError()
    .showHelpAfterError('(see quorate --help)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
  const addClusterCommand = (name: string, description: string, action: Action, parent: Command = program): Command => {
    const command = withClientOptions(parent.command(name).description(description))
    const guarded = (...given: readonly unknown[]): Promise<void> => {
      const words = given.slice(0, -2) as string[]
      return guard(() => action(command, ...words), { source: 'command', format: clientSettings(command).format })
    }
    return command.action(guarded)
  }
  program.commandsGroup('Run:')
  addDemo(program, terminal, guard)
  addServe(program, terminal, guard)
  program.commandsGroup('Use:')
  addKeyValue(addClusterCommand, terminal)
  program.commandsGroup('Look after:')
  addAdministration(program, addClusterCommand, terminal)
  program.commandsGroup('Test:')
  addReplay(program, terminal, guard)
  return program
}

type AddClusterCommand = (name: string, description: string, action: Action, parent?: Command) => Command

function addDemo(program: Command, terminal: Terminal, guard: Guard): void {
  const command = program
    .command('demo')
    .description('run a cluster on this machine, one process per node, with keys to kill and restart them')
    .addOption(
      new Option('-n, --nodes <count>', 'how many nodes').argParser(optionParser((text) => parseCount(text, 1))),
    )
    .option('-d, --data-dir <path>', 'where their data is kept', 'quorate-data')
    .addOption(new Option('-p, --ports <first-last>', 'their ports (default: 7001 and on, or the next that are free)'))
    .option('--memory', 'keep nothing on disk')
    .option('--json', 'print one JSON object per line')
  command.action(() =>
    guard(
      async () => {
        const { demo } = await import('./demo/demo.ts')
        return demo(command.opts(), terminal)
      },
      { source: 'node', format: command.opts<{ json?: boolean }>().json === true ? 'json' : 'text' },
    ),
  )
}

function addServe(program: Command, terminal: Terminal, guard: Guard): void {
  const command = program
    .command('serve')
    .description('run one node of the key-value service; the same command creates and restarts it')
    .option('--id <id>', 'name of the node, such as n1')
    .option('--listen <address>', 'where it listens, for peers and clients: host:port')
    .option('--advertise <address>', 'where the others reach it (default: its address among the members)')
    .option('--peers <members>', 'all first members, this one among them: n1=host:port,n2=host:port,…')
    .option('--join <addresses>', 'instead of --peers: nodes of a running cluster that this one was added to')
    .option('-d, --data-dir <path>', 'where its data is kept')
    .option('--memory', 'keep nothing on disk: for trying things out')
    .option('--cluster <name>', 'name of the cluster (default: derived from --peers)')
    .option('--election-timeout <min-max>', 'how long without a leader before an election, such as 750-1500ms')
    .option('--heartbeat <duration>', 'how often a leader is heard at least, such as 100ms')
    .option('--snapshot-entries <count>', 'take a snapshot every so many commands')
    .addOption(new Option('--supervised', 'tell the parent process what happens, and end with it').hideHelp())
    .addOption(new Option('-o, --output <format>', 'how to print errors').choices(['text', 'json']).default('text'))
  command.action(() =>
    guard(
      async () => {
        const { serve } = await import('./serve/serve.ts')
        return serve(command.opts(), terminal)
      },
      { source: 'node', format: command.opts<{ output: 'text' | 'json' }>().output },
    ),
  )
}

function addKeyValue(addClusterCommand: AddClusterCommand, terminal: Terminal): void {
  const load = () => import('./commands/key-value.ts')
  const contextOf = (command: Command) => ({ settings: clientSettings(command), terminal })
  addClusterCommand('put', 'write a value', async (command, key = '', value = '') =>
    (await load()).put(contextOf(command), key, value, command.opts()),
  )
    .argument('<key>')
    .argument('<value>', "'-' reads it from standard input")
    .option('--if-absent', 'only if there is no such key')
  addClusterCommand('get', 'read a value, as fresh as the last acknowledged write', async (command, key = '') =>
    (await load()).get(contextOf(command), key, command.opts()),
  )
    .argument('<key>')
    .option('--local', 'what the node that is asked happens to have: fast, and perhaps old')
  addClusterCommand('delete', 'delete a key', async (command, key = '') =>
    (await load()).remove(contextOf(command), key),
  ).argument('<key>')
  addClusterCommand(
    'cas',
    'write a value if the key holds another one',
    async (command, key = '', old = '', value = '') =>
      (await load()).compareAndSet(contextOf(command), key, old, value),
  )
    .argument('<key>')
    .argument('<old>', 'what it must hold')
    .argument('<new>', "'-' reads it from standard input")
  addClusterCommand('list', 'list keys and values, in order', async (command, prefix = '') =>
    (await load()).list(contextOf(command), prefix ?? '', command.opts()),
  )
    .argument('[prefix]', 'only keys that begin with this')
    .option('--keys', 'only the keys')
    .addOption(
      new Option('-l, --limit <count>', 'at most so many').argParser(optionParser((text) => parseCount(text, 1))),
    )
    .option('--local', 'what the node that is asked happens to have')
}

function addAdministration(program: Command, addClusterCommand: AddClusterCommand, terminal: Terminal): void {
  const load = () => import('./commands/administer.ts')
  const contextOf = (command: Command) => ({ settings: clientSettings(command), terminal })
  addClusterCommand('status', 'the cluster in one line, its nodes in one row each', async (command) => {
    const { status } = await import('./commands/status.ts')
    return status(clientSettings(command), terminal)
  })
  const member = program.command('member').description('see and change who is in')
  addClusterCommand('list', 'who is in', async (command) => (await load()).memberList(contextOf(command)), member)
  addClusterCommand(
    'add',
    'add a node, first as a learner',
    async (command, id = '', address = '') => (await load()).memberAdd(contextOf(command), id, address, command.opts()),
    member,
  )
    .argument('<id>', 'its name, such as n4')
    .addArgument(member.createArgument('<address>', 'where it will listen').argParser(optionParser(parseAddress)))
    .option('--promote', 'make it a voter as soon as it has caught up')
  addClusterCommand(
    'promote',
    'make a learner a voter',
    async (command, id = '') => (await load()).memberPromote(contextOf(command), id),
    member,
  ).argument('<id>')
  addClusterCommand(
    'remove',
    'remove a node',
    async (command, id = '') => (await load()).memberRemove(contextOf(command), id, command.opts()),
    member,
  )
    .argument('<id>')
    .option('-y, --yes', 'do not ask')
  const leader = program.command('leader').description('see to who leads')
  addClusterCommand(
    'transfer',
    'hand leadership over without an outage',
    async (command) => (await load()).leaderTransfer(contextOf(command), command.opts()),
    leader,
  ).option('--to <id>', 'to whom (default: the voter that is most caught up)')
  const snapshot = program.command('snapshot').description('see to snapshots')
  addClusterCommand(
    'take',
    'take a snapshot now',
    async (command) => (await load()).snapshotTake(contextOf(command)),
    snapshot,
  )
}

function addReplay(program: Command, terminal: Terminal, guard: Guard): void {
  const command = program
    .command('replay')
    .description('run a simulated run, or a told scenario, again from its file; judge a recording')
    .argument('<file>', 'as a failed check of quorate/testing has written it')
    .addOption(
      new Option('--until <place>', 'stop after an event (1234) or at a time (1234ms)').argParser(
        optionParser(parseReplayPosition),
      ),
    )
    .option('--print <node>', 'print all that this node is, there or at the end')
    .addOption(new Option('--step', 'stop after every line of the trace, and ask').conflicts('output'))
    .option('--trace', 'print the whole trace')
    .option('--record <file>', 'write what the judges see, to be judged again by replay')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'))
  command.action((file: string) =>
    guard(
      async () => {
        const { replay } = await import('./commands/replay.ts')
        return replay(file, command.opts<ReplayFlags>(), terminal)
      },
      { source: 'command', format: command.opts<ReplayFlags>().output },
    ),
  )
}
