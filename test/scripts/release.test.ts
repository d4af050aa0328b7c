/** When a version can be released, and how its changelog is dated. */
import assert from 'node:assert/strict'
import { datedChangelog, nextVersionProblem } from '../../scripts/release/release-files.ts'

const CHANGELOG = '# Changelog\n\n## 0.2.0 (unreleased)\n\n- New.\n\n## 0.1.0 (2026-11-01)\n'

describe('a release', () => {
  it('needs a version that is not older than the last one, and a changelog for it', () => {
    assert.equal(nextVersionProblem('0.1.0', '0.2.0', CHANGELOG), undefined)
    assert.equal(nextVersionProblem('0.2.0', '0.2.0', CHANGELOG), undefined)
    assert.match(nextVersionProblem('0.10.0', '0.2.0', CHANGELOG) ?? '', /0\.2\.0 is older than 0\.10\.0/)
    assert.match(nextVersionProblem('0.1.0', '0.3.0', CHANGELOG) ?? '', /no heading '## 0\.3\.0 \(unreleased\)'/)
    assert.match(nextVersionProblem('0.1.0', 'v0.2', CHANGELOG) ?? '', /like 0\.2\.0, not 'v0\.2'/)
  })

  it('has its date in the changelog, and nothing else is changed', () => {
    assert.equal(datedChangelog(CHANGELOG, '0.2.0', '2026-12-01'), CHANGELOG.replace('unreleased', '2026-12-01'))
  })
})
