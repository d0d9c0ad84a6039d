// Package plan compares what a Service wants of a load balancer with what the
// cloud has, and lists the steps that lead from one to the other. It is pure: no
// context, clock, client or log; the same input gives the same plan in any order.
//
// An empty plan means that all is right. What was done already is never planned
// again, so a plan that was cut off anywhere is simply made anew. Check says
// what a plan leaves undone because it must not or cannot be done.
package plan
