using System.Globalization;
using Microsoft.ML;
using TorchSharp;

namespace MLNetExtensions.Tests.Faults;

/// <summary>Fit, score, save, load and dispose, again and again: the tensors and the memory stay as many as they were.</summary>
internal sealed class Cycles : Fault
{
    // What the process may grow by, however many cycles there are.
    private const long MostGrowth = 96 << 20;

    private long _cases;
    private long _resident;

    internal override string Name => "cycles";

    // The memory of one process is what counts.
    internal override int MostInAProcess => int.MaxValue;

    protected override void Try(Case made)
    {
        made.What = string.Create(CultureInfo.InvariantCulture, $"cycle {made.Round}");
        var entry = made.Entry;
        FaultModel.Of(entry);
        var before = torch.Tensor.TotalCount;
        var ml = new MLContext(1);
        byte[] file;
        using (var model = (IDisposable)entry.Create(ml).Fit(entry.Data(entry.Rows)))
        {
            Snapshot.Of(((ITransformer)model).Transform(entry.Data(30)));
            file = Models.Save(ml, (ITransformer)model);
        }
        using (var loaded = (IDisposable)Models.Load(file))
        {
            Snapshot.Of(((ITransformer)loaded).Transform(entry.Data(30)));
        }
        var counted = torch.Tensor.TotalCount - before;
        // Finalizers of what came before may take some away, none may add any.
        Assert.IsLessThanOrEqualTo(2L * entry.CountedParameters, counted, "Tensors were left behind.");
        // Once all have been through: what is kept, is kept once.
        _cases++;
        if (made.Round == 2 && _resident == 0)
        {
            _resident = Memory.Resident();
        }
        else if (_resident != 0 && _cases % 25 == 0)
        {
            var growth = Memory.Resident() - _resident;
            Assert.IsLessThan(MostGrowth, growth, "The process has grown by so many bytes.");
        }
    }
}
