using System.Text;
using Kvmi.Policy.Engine.Configuration;

namespace Kvmi.Policy.Host.OneLiners;

/// <summary>A policy file that is on no disk.</summary>
/// <param name="path">What it is called.</param>
/// <param name="text">Its text.</param>
internal sealed class TextFile(string path, string text) : IPolicyFileSource
{
    public bool FileExists(string file) => file == path;

    public bool DirectoryExists(string file) => false;

    public byte[] Read(string file, int limit) =>
        file == path ? Encoding.UTF8.GetBytes(text) : throw new FileNotFoundException($"There is no file {file} beside a one-liner.");

    public IReadOnlyList<string> Files(string directory) => [];

    public IReadOnlyList<string> Directories(string directory) => [];
}
