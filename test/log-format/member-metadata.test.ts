import assert from 'node:assert/strict'
import { metadataProblem, sortedMetadata } from '../../src/log-format/member-metadata.ts'

describe('the metadata of a member', () => {
  for (const { what, value, problem } of [
    { what: 'texts by name', value: { http: 'https://a.example:8080', 'zone.name': 'Zürich 1' }, problem: undefined },
    { what: 'nothing', value: {}, problem: undefined },
    { what: 'a list', value: ['a'], problem: /^must be an object/ },
    { what: 'a number as value', value: { port: 80 }, problem: /^has the value of port, which is not a text/ },
    { what: 'a line break', value: { http: 'a\nb' }, problem: /^has the value of http/ },
    { what: 'an invalid name', value: { 'a b': '' }, problem: /^has the name 'a b'/ },
    {
      what: 'nine texts',
      value: Object.fromEntries(Array.from('abcdefghi', (name) => [name, ''])),
      problem: /at most 8 /,
    },
    { what: '1,024 characters', value: { a: 'x'.repeat(1023) }, problem: undefined },
    { what: '1,025 characters', value: { a: 'x'.repeat(1024) }, problem: /at most 1024 characters, not 1025$/ },
  ])
    it(`${problem === undefined ? 'may be' : 'must not be'} ${what}`, () => {
      const found = metadataProblem(value)
      if (problem === undefined) assert.equal(found, undefined)
      else assert.match(found ?? '', problem)
    })

  it('has sorted names, so that its text is the same on all nodes', () => {
    assert.equal(JSON.stringify(sortedMetadata({ b: '1', a: '2' })), '{"a":"2","b":"1"}')
  })
})
