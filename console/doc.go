// Package console shows what a program's telemetry says, inside the program.
package console
