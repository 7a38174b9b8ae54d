/** Echo over POCO's TCPServer, a thread of its pool for each connection: poco HOST PORT. */
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/TCPServer.h>
#include <Poco/Net/TCPServerConnection.h>
#include <Poco/Net/TCPServerConnectionFactory.h>
#include <Poco/ThreadPool.h>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

static const int buffer_size = 16 * 1024;
static const int threads = 20000;

class Echo : public Poco::Net::TCPServerConnection
{
public:
	using TCPServerConnection::TCPServerConnection;

	void run() override
	{
		char data[buffer_size];
		int n;

		try {
			while ((n = socket().receiveBytes(data, sizeof(data))) > 0)
				socket().sendBytes(data, n);
		} catch (Poco::Exception &) {
		}
	}
};

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	Poco::Net::ServerSocket listener(
		Poco::Net::SocketAddress(argv[1], static_cast<Poco::UInt16>(std::atoi(argv[2]))),
		4096);
	Poco::ThreadPool pool(2, threads);
	auto *params = new Poco::Net::TCPServerParams;
	params->setMaxThreads(threads);
	params->setMaxQueued(threads);
	Poco::Net::TCPServer server(
		new Poco::Net::TCPServerConnectionFactoryImpl<Echo>, pool, listener, params);
	server.start();
	std::puts("listening");
	std::fflush(stdout);
	for (;;)
		pause();
}
