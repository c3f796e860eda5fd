// The keys of Emacs, loaded when a person chooses them.
import { emacs, EmacsHandler } from '@replit/codemirror-emacs'

// The package has no command line, and reports an error when a person opens it.
EmacsHandler.bindKey('M-x', () => undefined)

export const emacsKeys = emacs()
