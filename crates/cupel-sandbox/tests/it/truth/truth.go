// Programs that measure their own usage: `memory BYTES` is the memory of this process that is not backed by a file on
// disk.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var sink int

func burn(ms int) {
	for until := time.Now().Add(time.Duration(ms) * time.Millisecond); time.Now().Before(until); {
		sink++
	}
}

func held() (bytes int) {
	for _, path := range []string{"/proc/self/smaps_rollup", "/proc/self/status"} {
		text, err := os.ReadFile(path)
		if err != nil {
			os.Exit(98)
		}
		for _, line := range strings.Split(string(text), "\n") {
			words := strings.Fields(line)
			if len(words) == 3 && (words[0] == "Anonymous:" || words[0] == "Pss_Shmem:" || words[0] == "VmPTE:") {
				n, _ := strconv.Atoi(words[1])
				bytes += n * 1024
			}
		}
	}
	return bytes
}

func fill(p []byte) {
	for at := 0; at < len(p); at += 4096 {
		p[at] = 1
	}
}

func cpu(what string, ms int) {
	switch what {
	case "spin":
		burn(ms)
	case "goroutines":
		var all sync.WaitGroup
		for i := 0; i < 4; i++ {
			all.Add(1)
			go func() { burn(ms); all.Done() }()
		}
		all.Wait()
	case "children":
		for i := 0; i < 4; i++ {
			if exec.Command(os.Args[0], "cpu", "spin", strconv.Itoa(ms)).Run() != nil {
				os.Exit(97)
			}
		}
	}
}

func memory(what string, mib int) {
	kept := make([]byte, mib<<20)
	if what == "mmap" {
		kept, _ = syscall.Mmap(-1, 0, mib<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANONYMOUS)
	}
	fill(kept)
	fmt.Println("memory", held())
	sink = len(kept)
}

func deep(n int) int {
	return deep(n+1) + 1
}

func end(how string, n int) {
	switch how {
	case "exit":
		os.Exit(n)
	case "panic":
		panic("of its own")
	case "nil":
		var p *int
		*p = n
	case "deadlock":
		<-make(chan int)
	case "stack":
		sink = deep(0)
	case "signal":
		syscall.Kill(syscall.Getpid(), syscall.Signal(n))
		select {}
	}
}

func forever(what string) {
	fmt.Println("begun")
	switch what {
	case "spin":
		for {
			sink++
		}
	case "sleep":
		for {
			time.Sleep(time.Hour)
		}
	case "memory":
		var hoard [][]byte
		for {
			hoard = append(hoard, make([]byte, 1<<20))
			fill(hoard[len(hoard)-1])
		}
	case "output":
		for {
			fmt.Println("and on and on and on and on and on")
		}
	}
}

func main() {
	n := 0
	if len(os.Args) > 3 {
		n, _ = strconv.Atoi(os.Args[3])
	}
	switch os.Args[1] {
	case "cpu":
		cpu(os.Args[2], n)
	case "memory":
		memory(os.Args[2], n)
	case "end":
		end(os.Args[2], n)
	case "forever":
		forever(os.Args[2])
	}
}
