/** The lessons: scenarios whose comments explain each step. The tests run them like all scenarios. */
import election from './lessons/election.txt'
import figure8 from './lessons/figure-8.txt'
import jointChange from './lessons/joint-change.txt'
import logRepair from './lessons/log-repair.txt'
import partition from './lessons/partition.txt'
import snapshot from './lessons/snapshot.txt'

export const LESSONS: readonly { readonly name: string; readonly title: string; readonly text: string }[] = [
  { name: 'election', title: 'Election', text: election },
  { name: 'log-repair', title: 'Log repair', text: logRepair },
  { name: 'figure-8', title: 'Figure 8', text: figure8 },
  { name: 'partition', title: 'Partition, stale leader', text: partition },
  { name: 'snapshot', title: 'Snapshot', text: snapshot },
  { name: 'joint-change', title: 'Joint change', text: jointChange },
]
