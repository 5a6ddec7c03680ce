import * as core from '@stowage/core'
import * as testing from '@stowage/core/testing'
import { cacheMiddleware } from '@stowage/express'
import * as node from '@stowage/node'
import express from 'express'
import { visitTwice } from './visit.cjs'

const exported = [core, testing, node].map((module) => Object.keys(module).length)
console.log(JSON.stringify({ exported, ...(await visitTwice(express, cacheMiddleware)) }))
