/** Hunts one exhibit in a process of its own: `hunter.ts NAME` prints what came of it as JSON. */

import { KNOWN_BUGS } from './catalog.ts'
import { detect } from './detect.ts'

const [name] = process.argv.slice(2)
const bug = KNOWN_BUGS.find((one) => one.name === name)
if (bug === undefined) throw new Error(`there is no exhibit ${name}`)
process.stdout.write(`${JSON.stringify(await detect(bug))}\n`)
