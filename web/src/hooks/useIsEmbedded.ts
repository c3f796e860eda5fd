// Whether the page is a shared program in a frame of another site (`?embed=1`). There, no link changes the page of the frame.
import { useLocation } from '@tanstack/react-router'
import { embedSearch } from '../util/search'

export const useIsEmbedded = (): boolean => useLocation({ select: ({ pathname, search }) => pathname.startsWith('/p/') && embedSearch(search).embed === 1 })
