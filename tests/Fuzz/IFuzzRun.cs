namespace Kvmi.Fuzz;

/// <summary>A run over numbered inputs, each made of the seed and its number alone. One thread; another may read <see cref="Position"/>.</summary>
internal interface IFuzzRun
{
    /// <summary>Number of the input that is being read.</summary>
    long Position { get; }

    /// <summary>Inputs that belong together: a run begins at a multiple of it.</summary>
    int Unit { get; }

    /// <summary>What it begins with, in words.</summary>
    string Beginning { get; }

    /// <summary>What was reached, as a table.</summary>
    string Table { get; }

    /// <summary>Runs.</summary>
    /// <param name="first">Number of the first input; a multiple of <see cref="Unit"/>.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="FuzzFindingException">A reader misbehaved.</exception>
    void Run(long first, long count);
}
