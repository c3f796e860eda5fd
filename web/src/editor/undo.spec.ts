import { redo, undo } from '@codemirror/commands'
import { EditorState, type Transaction } from '@codemirror/state'
import { expect, test } from 'vitest'
import { wordHistory } from './undo'

test('one undo takes back a word of what was typed without a pause, and redo applies it again', () => {
  let state = EditorState.create({ extensions: [wordHistory()] })
  const dispatch = (transaction: Transaction) => {
    state = transaction.state
  }
  for (const typed of 'int main() {\n    return 0') dispatch(state.update({ changes: { from: state.doc.length, insert: typed }, userEvent: 'input.type' }))
  const texts = []
  while (undo({ state, dispatch })) texts.push(state.doc.toString())
  expect(texts).toEqual(['int main() {\n    return ', 'int main() {\n    ', 'int main() ', 'int ', ''])
  redo({ state, dispatch })
  redo({ state, dispatch })
  expect(state.doc.toString()).toBe('int main() ')
})
