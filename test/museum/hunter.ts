/** Hunts one exhibit in a process of its own: `hunter.ts NAME` prints what came of it as JSON. */
import { hunt } from './hunt.ts'
import { EXHIBITS } from './museum.ts'

const [name] = process.argv.slice(2)
const exhibit = EXHIBITS.find((one) => one.name === name)
if (exhibit === undefined) throw new Error(`there is no exhibit ${name}`)
process.stdout.write(`${JSON.stringify(await hunt(exhibit))}\n`)
