// The keys of Emacs, loaded when a person chooses them.
import { Prec } from '@codemirror/state'
import { emacs, EmacsHandler } from '@replit/codemirror-emacs'

// The package has no command line, and reports an error when a person opens it.
EmacsHandler.bindKey('M-x', () => undefined)

/** Takes precedence over all key maps, which have other meanings for Ctrl-A, Ctrl-F and Ctrl-Y. */
export const emacsKeys = Prec.high(emacs())
