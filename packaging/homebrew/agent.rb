# The release fills in the version and the sums: packaging/formula SHA256SUMS.
class Agent < Formula
  desc "Autonomous coding agent that works with a model on your own machine"
  homepage "https://github.com/OWNER/agent"
  version "0.1.0"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "https://github.com/OWNER/agent/releases/download/v#{version}/agent-#{version}-aarch64-apple-darwin.tar.gz"
      sha256 "SUM-aarch64-apple-darwin"
    end
    on_intel do
      url "https://github.com/OWNER/agent/releases/download/v#{version}/agent-#{version}-x86_64-apple-darwin.tar.gz"
      sha256 "SUM-x86_64-apple-darwin"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/OWNER/agent/releases/download/v#{version}/agent-#{version}-aarch64-unknown-linux-musl.tar.gz"
      sha256 "SUM-aarch64-unknown-linux-musl"
    end
    on_intel do
      url "https://github.com/OWNER/agent/releases/download/v#{version}/agent-#{version}-x86_64-unknown-linux-musl.tar.gz"
      sha256 "SUM-x86_64-unknown-linux-musl"
    end
  end

  def install
    bin.install "agent"
    man1.install "agent.1"
    generate_completions_from_executable(bin/"agent", "completions")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/agent --version")
  end
end
