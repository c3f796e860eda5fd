// The row of symbols above the bar, on touch screens.

/** Characters that are hard to reach on the keyboards of phones. */
export const SYMBOLS = ['{', '}', '(', ')', '[', ']', ';', ':', '=', '<', '>', '"', "'", '_', '+', '-', '*', '/', '%', '&', '|', '!', '#']
