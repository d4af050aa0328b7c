/** Properties of data directories that went back to an older copy or exist twice. The simulator checks them, since no observation shows them. */

export const COPIES = {
  oneSelf: {
    id: 'I20',
    name: 'one self',
    statement:
      "A member accepts no copy of another member's data directory that lacks a recorded boot, and no process again after another one with the same id.",
  },
  staysStopped: {
    id: 'I19',
    name: 'an unusable directory stays closed',
    statement: 'A node whose data directory is marked as unusable does not start with it.',
  },
} as const
