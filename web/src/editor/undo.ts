// What one undo takes back. CodeMirror joins changes that follow each other within half a second, so that one undo would take back
// everything that was typed without a pause. Here, each word is a step.
import { history } from '@codemirror/commands'
import type { Transaction } from '@codemirror/state'

/** Whether the change inserts text that begins a word. */
function beginsWord({ changes, startState }: Transaction): boolean {
  let begins = false
  changes.iterChanges((from, _to, _fromNew, _toNew, inserted) => {
    const before = startState.doc.sliceString(Math.max(0, from - 1), from)
    if (/^\S/.test(inserted.sliceString(0, 1)) && !/\S/.test(before)) begins = true
  })
  return begins
}

export const wordHistory = () => history({ joinToEvent: (transaction, isAdjacent) => isAdjacent && !beginsWord(transaction) })
