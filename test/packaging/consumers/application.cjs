const core = require('@stowage/core')
const testing = require('@stowage/core/testing')
const { cacheMiddleware } = require('@stowage/express')
const node = require('@stowage/node')
const express = require('express')
const { visitTwice } = require('./visit.cjs')

const exported = [core, testing, node].map((module) => Object.keys(module).length)
visitTwice(express, cacheMiddleware).then((result) => console.log(JSON.stringify({ exported, ...result })))
