// Typing over a selection. Chromium would keep the look of the replaced text in a style attribute, which the content security policy forbids
// and reports. So the selection is replaced here, in the way in which CodeMirror handles typed text.
import { EditorView } from '@codemirror/view'

export const overSelection = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { state } = view
    const { ranges, main } = state.selection
    const text = event.data
    if (event.inputType !== 'insertText' || text === null || event.isComposing || state.readOnly || ranges.length > 1 || main.empty) return false
    const insert = () => state.update(state.replaceSelection(text), { userEvent: 'input.type', scrollIntoView: true })
    if (!state.facet(EditorView.inputHandler).some((handle) => handle(view, main.from, main.to, text, insert))) view.dispatch(insert())
    return true
  },
})
