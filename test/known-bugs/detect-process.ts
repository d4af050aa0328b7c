/** Detects one known bug in a process of its own: `detect-process.ts NAME` prints the detection as JSON. */
import { KNOWN_BUGS } from './catalog.ts'
import { detect } from './detect.ts'

const [name] = process.argv.slice(2)
const bug = KNOWN_BUGS.find((each) => each.name === name)
if (bug === undefined) throw new Error(`there is no known bug named ${name}`)
process.stdout.write(`${JSON.stringify(await detect(bug))}\n`)
