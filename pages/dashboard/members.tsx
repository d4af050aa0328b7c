/** The membership in force, and what needs an operator. */
import type { JSX } from 'preact'
import type { NodeReport } from './cluster.ts'

export function Members({ newest }: { newest: NodeReport | undefined }): JSX.Element | null {
  if (newest === undefined) return null
  const { membership, isMembershipCommitted, membershipIndex } = newest.view
  const { members, voters, outgoing, learners } = membership
  const kindOf = (id: string): string =>
    [
      ...(voters.includes(id) ? [outgoing.length > 0 ? 'voter (incoming)' : 'voter'] : []),
      ...(outgoing.includes(id) ? ['voter (outgoing)'] : []),
      ...(learners.includes(id) ? ['learner'] : []),
    ].join(', ')
  return (
    <section class="members">
      <h2>Members</h2>
      <p class="faint">
        {outgoing.length > 0 ? 'A joint membership: both halves must agree. ' : ''}
        Entry {membershipIndex.toLocaleString('en-US')}, {isMembershipCommitted ? 'committed' : 'not yet committed'}.
      </p>
      <table>
        <tbody>
          {members.map(({ id, address }) => (
            <tr key={id}>
              <th scope="row">{id}</th>
              <td>{kindOf(id)}</td>
              <td>{address}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

export function Alarms({ reports }: { reports: readonly NodeReport[] }): JSX.Element {
  const alarms = reports.flatMap(({ view }) => view.alarms.map((alarm) => ({ node: view.id, alarm })))
  return (
    <section class="alarms">
      <h2>Alarms</h2>
      {alarms.length === 0 && <p class="faint">None.</p>}
      <ul>
        {alarms.map(({ node, alarm }) => (
          <li key={`${node} ${alarm.code} ${alarm.peer ?? ''}`}>
            <b>
              {node} {alarm.code}
            </b>{' '}
            {alarm.message} <span class="faint">for {Math.round(alarm.forMs / 1000)} s</span>
          </li>
        ))}
      </ul>
    </section>
  )
}
