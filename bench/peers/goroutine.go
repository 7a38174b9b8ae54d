// Echo in Go, a goroutine for each connection: goroutine HOST PORT.
package main

import (
	"fmt"
	"net"
	"os"
)

func echo(connection net.Conn) {
	defer connection.Close()
	data := make([]byte, 16*1024)
	for {
		n, err := connection.Read(data)
		if err != nil {
			return
		}
		if _, err = connection.Write(data[:n]); err != nil {
			return
		}
	}
}

func main() {
	listener, err := net.Listen("tcp", net.JoinHostPort(os.Args[1], os.Args[2]))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening")
	for {
		connection, err := listener.Accept()
		if err == nil {
			go echo(connection)
		}
	}
}
