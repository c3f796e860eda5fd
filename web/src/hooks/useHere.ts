// The address of this page, to which the user returns after signing in.
import { useLocation } from '@tanstack/react-router'

/** Path and search, below the site's root. */
export const useHere = (): string => useLocation({ select: ({ pathname, searchStr }) => pathname + searchStr })
