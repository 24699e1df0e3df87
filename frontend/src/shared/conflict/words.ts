import type { ConflictKind, ConflictState } from '@/shared/api/generated/types.gen'
import type { Tone } from '@/shared/ui/Badges'

/** Of each state: its word, how it is drawn, and what it means. */
export const STATES: Record<ConflictState, { word: string; tone: Tone; meaning: string }> = {
  open: { word: 'Open', tone: 'busy', meaning: 'both sides are being read to settle it; the document is held meanwhile' },
  waiting: { word: 'Waiting', tone: 'bad', meaning: 'it cannot be settled until something changes outside' },
  settled: { word: 'Settled', tone: 'good', meaning: 'decided; both sides hold the outcome' },
  converged: { word: 'Converged', tone: 'quiet', meaning: 'both sides became equal without a value that lost' },
}

/** The kinds of conflicts in the engine's names, and what each means. */
export const KINDS: Record<ConflictKind, string> = {
  insert_exists: 'inserted on both sides',
  update_differs: 'the same place changed on both sides',
  update_missing: 'changed here, absent there',
  update_deleted: 'changed here, deleted there',
  delete_differs: 'deleted here, changed there',
  key_exists: 'given a key that is taken',
  echo_differs: 'two writes passed each other',
  snapshot_differs: 'the sides differed before',
  unmappable_document: 'a document that rows cannot hold, or the other way round',
  schema_mismatch: 'a table or column is missing',
  missing_image: 'a change without its image',
  list_gap: 'a list with a gap in its positions',
  parent_missing: 'a child row without its root row',
  unique_violation: 'a unique key refused it',
  foreign_key_violation: 'a foreign key refused it',
  constraint_violation: 'a constraint refused it',
  correction: 'what MySQL made of a write met another change',
}

export const POLICIES: Record<string, string> = {
  last_write_wins: 'the last write wins',
  first_write_wins: 'the first write wins',
  mysql_wins: 'MySQL wins',
  mongo_wins: 'MongoDB wins',
  manual: 'a person decides',
  max: 'the greater value wins',
  min: 'the smaller value wins',
  delta: 'both changes count',
  union: 'members stay',
  append: 'elements of both stay',
  custom: 'a function of your own',
  several: 'each field has its own',
}
