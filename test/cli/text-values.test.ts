/** Tests of the parsers of command-line values. */
import assert from 'node:assert/strict'
import {
  parseAddress,
  parseAddresses,
  parseBytes,
  parseCount,
  parseDuration,
  parseDurationRange,
  parsePeers,
  parsePortRange,
} from '../../src/cli/text-values.ts'

describe('command-line values', () => {
  for (const { typed, parse, value } of [
    { typed: '127.0.0.1:7001', parse: parseAddress, value: '127.0.0.1:7001' },
    { typed: '[::1]:7001', parse: parseAddress, value: '[::1]:7001' },
    { typed: 'alpha:0', parse: parseAddress, value: 'alpha:0' },
    { typed: 'a:1, b:2,,a:1', parse: parseAddresses, value: ['a:1', 'b:2'] },
    { typed: 'n1=a:1,n2=b:2', parse: parsePeers, value: { n1: 'a:1', n2: 'b:2' } },
    { typed: '750', parse: parseDuration, value: 750 },
    { typed: '1.5s', parse: parseDuration, value: 1500 },
    { typed: '2m', parse: parseDuration, value: 120_000 },
    { typed: '65536', parse: parseBytes, value: 65_536 },
    { typed: '1.5MiB', parse: parseBytes, value: 1_572_864 },
    { typed: '1h', parse: parseDuration, value: 3_600_000 },
    { typed: '750-1500ms', parse: parseDurationRange, value: { min: 750, max: 1500 } },
    { typed: '1s-2s', parse: parseDurationRange, value: { min: 1000, max: 2000 } },
    { typed: '5', parse: (text: string) => parseCount(text, 1), value: 5 },
    { typed: '7001-7003', parse: (text: string) => parsePortRange(text, 3), value: { first: 7001, last: 7003 } },
    { typed: '7001', parse: (text: string) => parsePortRange(text, 3), value: { first: 7001, last: 7003 } },
  ])
    it(`parse '${typed}' as ${JSON.stringify(value)}`, () => assert.deepEqual(parse(typed), value))

  for (const { typed, parse, message } of [
    { typed: 'alpha', parse: parseAddress, message: /is not HOST:PORT/ },
    { typed: ':7001', parse: parseAddress, message: /is not HOST:PORT/ },
    { typed: 'a:70010', parse: parseAddress, message: /no port between 0 and 65535/ },
    { typed: '::1:7001', parse: parseAddress, message: /in brackets/ },
    { typed: ',', parse: parseAddresses, message: /lists no address/ },
    { typed: 'n1', parse: parsePeers, message: /is not ID=HOST:PORT/ },
    { typed: 'n1=a:1,n1=b:2', parse: parsePeers, message: /lists n1 twice/ },
    { typed: 'soon', parse: parseDuration, message: /is not a duration/ },
    { typed: '64MB', parse: parseBytes, message: /is not a number of bytes, such as 64MiB/ },
    { typed: '-5s', parse: parseDuration, message: /is not a duration/ },
    { typed: '750ms', parse: parseDurationRange, message: /is not a range of durations/ },
    { typed: '1.5', parse: (text: string) => parseCount(text, 1), message: /is not a whole number of at least 1/ },
    { typed: '7001-7002', parse: (text: string) => parsePortRange(text, 3), message: /does not contain 3 ports/ },
    { typed: '65535', parse: (text: string) => parsePortRange(text, 3), message: /does not contain 3 ports/ },
  ])
    it(`reject '${typed}'`, () => assert.throws(() => parse(typed), message))
})
