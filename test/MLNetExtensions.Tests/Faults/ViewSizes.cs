using System.Globalization;

namespace MLNetExtensions.Tests.Faults;

/// <summary>Views of no row, of one, and of very many: as many scores, and no more memory than a few rows take, but where the scores depend on all rows.</summary>
internal sealed class ViewSizes : Fault
{
    /// <summary>The rows of the largest view.</summary>
    internal int Many { get; init; } = 200_000;

    // What one estimator may take for the largest view, beyond what its own data do.
    private const long MostGrowth = 160 << 20;

    internal override string Name => "sizes";

    protected override void Try(Case made)
    {
        var original = FaultModel.Of(made.Entry);
        foreach (var rows in new[] { 0, 1, 2 })
        {
            made.What = string.Create(CultureInfo.InvariantCulture, $"{rows} rows");
            var view = original.Model.Transform(made.Entry.Data(rows));
            Assert.HasCount(rows, Snapshot.Of(view).Rows);
            Assert.AreEqual(0, original.Model.Transform(made.Entry.Data(0)).GetRowCount() ?? 0);
        }
        made.What = string.Create(CultureInfo.InvariantCulture, $"{Many} rows");
        var before = Memory.Resident();
        var count = 0;
        var scored = original.Model.Transform(made.Entry.Data(Many));
        var outputs = made.Entry.Outputs.Select(name => scored.Schema[name]).ToArray();
        using (var cursor = scored.GetRowCursor(outputs))
        {
            var cells = outputs.Select(column => Snapshot.Cell(cursor, column)).ToArray();
            while (cursor.MoveNext())
            {
                if (count++ % 1000 == 0)
                {
                    foreach (var cell in cells)
                    {
                        cell();
                    }
                }
            }
        }
        Assert.AreEqual(Many, count);
        var growth = Memory.Resident() - before;
        Assert.IsLessThan(MostGrowth, growth, "The process has grown by so many bytes.");
    }
}
