// What the code blocks of the documentation take for granted: an application, its cache, and names of its own.

import type { ExpressCache } from '@stowage/express'
import type { Express, RequestHandler } from 'express'

interface Item {
  readonly id: string
  readonly brand: string
  readonly onSale: boolean
  readonly draft: boolean
}

declare global {
  const express: typeof import('express')
  const app: Express
  const otherApp: Express
  const cache: ExpressCache
  const db: {
    load(id: string): Promise<Item>
    version(id: string): Promise<number>
    offers(): Promise<readonly Item[]>
  }
  const prices: () => object
  const metrics: { count(name: string, about: object): void }
  const authenticate: RequestHandler
  const requireAdmin: RequestHandler
  const listItems: RequestHandler
  const listNews: RequestHandler
  const saveItem: RequestHandler
  const search: RequestHandler
  const showClock: RequestHandler
  const showFeed: RequestHandler
  const showHandbook: RequestHandler
  const showItem: RequestHandler
}
