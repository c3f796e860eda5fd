// The contests in which a user takes part virtually, as a text in the browser's storage: slugs, the latest first.

/** Maximum number of contests. Few people take part in several at the same time. */
const KEPT_MAX = 5

export const contestsOf = (text: string | null): string[] => (text ?? '').split(' ').filter((slug) => slug !== '')

/** The text with one more contest. */
export const withContest = (text: string | null, slug: string): string =>
  [slug, ...contestsOf(text).filter((one) => one !== slug)].slice(0, KEPT_MAX).join(' ')
