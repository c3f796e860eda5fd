// Whether somebody was signed in in this tab, so that a page that is opened after the end of the session can say that it has ended.

/** Key in the tab's storage. Removed when the user signs out. */
export const SIGNED_IN = 'cupel.signed-in'
